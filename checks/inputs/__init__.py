"""What an audit is given: the program, its data contract, the source, the period."""

"""Who reads an audit, and can they check it? Reports are made from records alone."""

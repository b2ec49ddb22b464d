"""Layer 2: what does the model do, to whom, and is that allowed?"""

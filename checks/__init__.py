"""Layer 1: is what we were given fit to judge with?"""

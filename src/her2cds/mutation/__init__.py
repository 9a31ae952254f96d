"""Mutation testing of the rules: small wrong changes, and whether the scenarios notice them."""

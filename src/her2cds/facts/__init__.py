"""Facts: named, typed, three-valued statements about one patient, each with its origin."""

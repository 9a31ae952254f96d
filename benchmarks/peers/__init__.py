"""The engines that are compared, each behind the same small interface: rules with flags in, fired rules out."""

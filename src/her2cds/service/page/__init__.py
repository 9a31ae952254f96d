"""The page for the clinic: a form, the report, what-if switches and questions answered in place."""

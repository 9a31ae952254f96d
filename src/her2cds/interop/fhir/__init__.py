"""FHIR R4: patients in (mCODE and its older shapes), reports out."""

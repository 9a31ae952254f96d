"""CDS Hooks 2.0: discovery, patient-view, order-select, order-sign, and feedback."""

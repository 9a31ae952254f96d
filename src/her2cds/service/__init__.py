"""The service: reports over HTTP, CDS Hooks 2.0, and a page for the clinic. Needs the extra `her2cds[service]`."""

"""The self-contained report page: one pure function per component."""

"""Rich Text Format, read without a library: `striprtf` leaves out notes, headers and text boxes and keeps deletions."""

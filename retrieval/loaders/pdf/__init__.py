"""PDF: the text as pdfium returns it, its lines in reading order, headings, page labels and OCR."""

"""What the documents are made with: their picture, and the site."""

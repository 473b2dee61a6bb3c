"""What readers see: blocks (the content), figures, and the pages made of them."""

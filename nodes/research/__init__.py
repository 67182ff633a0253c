"""What the nodes of the research rounds use: findings and the gaps they leave, and what a corpus holds."""

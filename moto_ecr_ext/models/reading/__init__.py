"""What clients read of images: pulls, lists, referrers."""

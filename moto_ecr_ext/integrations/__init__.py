"""Other services of AWS that run pushed images, or show what ECR has: one room each.

`docker/` is what the rooms that run images share.
"""

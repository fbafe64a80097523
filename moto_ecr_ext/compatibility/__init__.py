"""What moto allows: the rules of a call, AWS's or stock moto's, and what only moto has.

The core asks an object of rules (`rules.py`) questions about ECR. Each answer that differs in moto stands here, beside
AWS's. The settings decide between them (`switches.py`).
"""

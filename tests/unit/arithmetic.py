"""Evaluates the arithmetic of bills: what docs/cost.md and the estimates say has to come out."""

from __future__ import annotations

import ast
import operator

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def evaluated(arithmetic: str) -> float:
    """The value of a sum of products, with the multiplication sign that people write."""

    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.BinOp():
                result: float = _OPERATORS[type(node.op)](value(node.left), value(node.right))
                return result
        raise ValueError(f"not arithmetic: {arithmetic}")

    return value(ast.parse(arithmetic.replace("\N{MULTIPLICATION SIGN}", "*"), mode="eval").body)

"""Zpools as pools of images."""

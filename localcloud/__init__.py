"""The embedded cloud behind the dev environment: the engine, moto, and provider plugins.

Nothing outside this package, its tests and the Makefile knows that it exists.
"""

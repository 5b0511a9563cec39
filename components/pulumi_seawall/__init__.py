"""Pulumi components for services that live in more than one AWS region."""

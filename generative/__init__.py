"""The wing of generative models: autoencoders, VAEs and diffusion models over the sandbox's one backbone.

Its first models come with the autoencoder. Until then the package only marks the place: it stands beside
``agents`` above ``sandbox`` and ``envs``, imports neither from ``agents`` nor is imported by it, and brings
its own commands through the table in ``sandbox/core/plugins.py``.
"""

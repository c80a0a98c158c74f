"""The published weights a recipe needs: which, where, whether they are here, and the only way they come here.

Nothing but `algokit.pipeline.weights.offers` and `algokit.pipeline.weights.download` opens a connection, and nothing
but ``algokit fetch`` calls them.
"""

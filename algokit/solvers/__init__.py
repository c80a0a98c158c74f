"""The numeric core: cross-validated ridge over many feature spaces and very many targets.

Every feature space is solved once (`routes`: `factorise` or `bordered`); that serves every fold, every alpha, every
target, the val hold-out and the final refit. Few alphas are solved, the others interpolated (`interpolate`). Left-out
rows are predicted through small exact operators, Pearson r is taken from streamed blocks (`cross_validate`, `targets`,
`moments`), and the winner per target is kept online (`search`), so no feature space is visited twice and no weight
matrix is ever formed. Weights that join several such searches are learned from their out-of-fold predictions
(`member_moments`, `stacking`). `memory` says beforehand what a search takes. Tensors and arrays only; nothing here
knows what a brain is.
"""

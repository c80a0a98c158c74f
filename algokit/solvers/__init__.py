"""The numeric core: cross-validated ridge over many feature spaces and very many targets.

One factorisation per feature space (`factorise`) serves every fold, every alpha, every target, the val hold-out and the
final refit. Left-out rows are predicted through small exact operators (`leave_out`), Pearson r is taken from streamed
blocks (`targets`, `moments`), and the winner per target is kept online (`search`), so no feature space is visited twice
and no weight matrix is ever formed. Weights that join several such searches are learned from their out-of-fold
predictions (`member_moments`, `stacking`). Tensors and arrays only; nothing here knows what a brain is.
"""

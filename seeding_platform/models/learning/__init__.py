"""How models are fitted and judged: pure functions of a specification and a frame. Loaded on first use, for it needs scikit-learn."""

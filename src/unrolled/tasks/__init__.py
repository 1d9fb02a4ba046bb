"""One job a room: data, model, training, scores and honest baselines, in the words of scikit-learn."""

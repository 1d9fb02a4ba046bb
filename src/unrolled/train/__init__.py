"""One loop that trains any network: clip, schedule, checkpoint and resume, early stop, truncated BPTT."""

"""Batch scoring: a data set of any size, each clip once a model, into Parquet and the prediction log; it may be killed and run again.

<out>/scores/model=<digest>/batch=<batch>/<part>.parquet    a row a content: its scores, decisions and what else the log keeps
<out>/files/model=<digest>/batch=<batch>/<part>.parquet     a row a file: its content, or why it could not be heard
<out>/batches/model=<digest>/<batch>.json                   what was asked, when it began and when it was finished
<out>/leases/model=<digest>.json                            on S3, while a run scores: that it does
"""

from components.scoring.run import Scored, look, score

__all__ = ["Scored", "look", "score"]

"""Each step in a pod of its own: ZenML's Kubeflow orchestrator, with what a stack says of pods.

flavor.py         what ZenML registers
orchestrator.py   compiles by ZenML, dresses each task, submits through kfp's client
dressing.py       what a stack says of a step -> resources, selectors, volumes and secrets of its task
waiting.py        a submitted run until it ends, with a sentence where it cannot
entrypoint.py     what a pod runs
training.yaml, prediction.yaml   the compiled pipelines (make kubeflow)
"""

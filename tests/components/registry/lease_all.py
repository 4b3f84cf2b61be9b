"""Lease jobs until none is left and end each at once, as a process of its own: URL NAME; prints the id of each."""

import sys

from components.registry import Registry
from components.registry.jobs import Jobs

url, name = sys.argv[1:]
jobs = Jobs(Registry(url).database)
while (job := jobs.lease(name, seconds=60)) is not None:
    print(job.id)
    jobs.finish(job.token, "succeeded")

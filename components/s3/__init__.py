"""Object storage that speaks S3, read and written through s3fs: `s3://bucket/prefix` wherever Timbre keeps or finds things.

Credentials, region and endpoint are those that every S3 client finds: AWS_ACCESS_KEY_ID, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, a
profile, or the role of a pod.
"""

from components.s3.find import find
from components.s3.remote import AT_ONCE, SCHEME, Fetched, Remote, address_of, is_remote

__all__ = ["AT_ONCE", "SCHEME", "Fetched", "Remote", "address_of", "find", "is_remote"]

"""ZenML's server as a command first asks it: whether it answers, and whether it takes who asks."""

from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.enums import StoreType
from zenml.exceptions import AuthorizationException

from components.errors import StackError


def connected() -> Client:
    """ZenML's client, once its server has said which project and stack are active.

    Raises:
        StackError: if the server gives no answer, or does not take who asks.
    """
    try:
        client = Client()
        _ = client.zen_store  # asks the server where it is the first to need it
    except AuthorizationException as error:
        raise StackError(
            f"ZenML at {_address()} does not take who asks: log in anew by `zenml login {_address()}`, "
            "or set ZENML_STORE_API_KEY to a key that is good"
        ) from error
    except (RuntimeError, OSError) as error:  # those of requests are OSErrors
        if GlobalConfiguration().store_configuration.type != StoreType.REST:
            raise
        why = type(error.__cause__ or error).__name__
        raise StackError(
            f"ZenML at {_address()} gives no answer ({why}): start it, or name another by `zenml login URL`, or none by `zenml logout`"
        ) from error
    return client


def _address() -> str:
    return str(GlobalConfiguration().store_configuration.url)

"""The routes for people to read and try, where there is no internet too: the page's files are those that BentoML ships."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from bentos.access import DOCS, DOCS_FILES

KINDS = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
KEPT = {"Cache-Control": "max-age=86400"}

router = APIRouter(include_in_schema=False)


@router.get(DOCS)
async def docs() -> HTMLResponse:
    """The OpenAPI document as a page; its addresses are relative, as a proxy may serve it below another path."""
    script, style, icon = (f"docs/{name}" for name in DOCS_FILES)
    return get_swagger_ui_html(
        openapi_url="openapi.json", title="Timbre", swagger_js_url=script, swagger_css_url=style, swagger_favicon_url=icon
    )


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    """The OpenAPI document, rendered once: it is large, and for whoever asks."""
    state = request.app.state
    if not hasattr(state, "document"):
        state.document = JSONResponse(request.app.openapi()).body
    return Response(state.document, media_type="application/json")


def _add(name: str) -> None:
    content = (files("bentoml") / "_internal/server/static_content" / name).read_bytes()  # once: clients that do not read share it

    @router.get(f"{DOCS}/{name}")
    async def asset() -> Response:
        return Response(content, media_type=KINDS[name[name.rindex(".") :]], headers=KEPT)


for name in DOCS_FILES:
    _add(name)

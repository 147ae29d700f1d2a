"""How a person wants pages to look, the same wherever they are signed in."""

from experiments.errors import Invalid
from experiments.models import Palette, User


def choose_palette(user: User, palette: str) -> None:
    """The colours that runs have for this reader. Raises Invalid naming those there are."""
    if palette not in Palette.values:
        problem = f"Use one of {', '.join(Palette.values)}."
        raise Invalid(f"palette: {problem}", fields={"palette": [problem]})
    user.palette = palette
    user.save(update_fields=["palette"])

"""`verascope completion`: the script that lets a shell complete verbs, options and choices."""

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
      verascope completion bash >> ~/.bashrc
      verascope completion zsh >> ~/.zshrc
      verascope completion fish > ~/.config/fish/completions/verascope.fish
    """
    from click.shell_completion import get_completion_class

    from verascope.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "verascope", "_VERASCOPE_COMPLETE").source())

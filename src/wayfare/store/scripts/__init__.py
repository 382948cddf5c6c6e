"""Where Alembic finds its `env.py`. The revisions are beside this folder."""

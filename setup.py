"""Build the optional native parts: each `_native.c` becomes an extension beside it. No compiler is no failure."""

from pathlib import Path

from setuptools import Extension, setup

SOURCES = sorted(Path("src").rglob("_native.c"))

setup(
    ext_modules=[
        Extension(
            ".".join(path.relative_to("src").with_suffix("").parts),
            [str(path)],
            include_dirs=["src/wayfare/kernel"],
            depends=[str(p) for p in Path("src").rglob("*.h")],
            extra_compile_args=["-O3", "-std=c11"],
            py_limited_api=True,
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            optional=True,
        )
        for path in SOURCES
    ]
)

"""Logs go to files in the data directory, as JSON lines; the console belongs to the command."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler

import structlog
from structlog.typing import Processor

from wayfare.settings import Settings

FILE_BYTES_MAX = 10 << 20
FILES = 5
NAMES = ("wayfare", "dbos")


def to_files(settings: Settings) -> None:
    """Our log and DBOS's, into `logs/wayfare.log`. Repeatable."""
    folder = settings.home / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = RotatingFileHandler(folder / "wayfare.log", maxBytes=FILE_BYTES_MAX, backupCount=FILES, delay=True)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(),
    ]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    for name in NAMES:
        logger = logging.getLogger(name)
        for old in list(logger.handlers):
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.propagate = False
    logging.getLogger("wayfare").setLevel(settings.log_level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )

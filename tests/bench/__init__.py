"""How fast the desk is: `make bench`. The page is docs/performance.md."""

import warnings

# Eventlet says so at each import; why it is here all the same: docs/dependencies.md.
warnings.filterwarnings("ignore", message="\\s*Eventlet is deprecated")

from .modeling import *
from .configuration import *

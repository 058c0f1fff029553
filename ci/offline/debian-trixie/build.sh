#!/bin/sh
# The recipe "debian" with another suite. It is among the needs, so that its script is part of this recipe's key.
exec sh "$RECIPE/../debian/build.sh"

"""Create a workflow in Mistral, run it if there is a message queue, and delete it."""

import json
import os
import uuid

import ks_api
import service_api

NAME = "test-%s" % uuid.uuid4().hex
WORKFLOW = """
version: "2.0"
%s:
  input: [word]
  output:
    said: <%% task(say).result %%>
  tasks:
    say:
      action: std.echo output=<%% $.word %%>
"""


def finished(execution):
    if execution["state"] == "ERROR":
        raise ks_api.Failed("execution %s: %s" % (execution["id"], execution["state_info"]))
    return execution["state"] == "SUCCESS"


def run(mistral):
    """Let the engine and the executor run the workflow once."""
    wanted = {"workflow_name": NAME, "input": {"word": "hello"}}
    # The engine may not listen yet: it has no port, so it counts as ready at once.
    execution = ks_api.patiently(lambda: mistral.call("POST", "/v2/executions", wanted), seconds=120)
    place = "/v2/executions/%s" % execution["id"]
    output = json.loads(mistral.wait(place, finished)["output"])
    if output["said"] != "hello":
        raise ks_api.Failed("execution %s: expected hello, found %s" % (execution["id"], output))
    print("the engine and the executor ran the workflow")
    mistral.call("DELETE", place)


def main():
    mistral = service_api.Service()
    text = (WORKFLOW % NAME).encode("utf-8")
    answer = json.loads(mistral.send("POST", "/v2/workflows", text, content_type="text/plain"))
    workflow = "/v2/workflows/%s" % answer["workflows"][0]["id"]
    if mistral.call("GET", workflow)["name"] != NAME:
        raise ks_api.Failed("%s: Mistral answers with another workflow" % workflow)
    print("Mistral stored the workflow")
    if os.environ.get("MESSAGING_HOST"):
        run(mistral)
    mistral.call("DELETE", workflow)


if __name__ == "__main__":
    ks_api.run(main)

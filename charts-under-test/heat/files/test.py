"""Create a stack with one trivial resource, show what the engine made of it, and delete it."""

import uuid

import ks_api
import service_api

TEMPLATE = {
    "heat_template_version": "2016-10-14",
    "resources": {"word": {"type": "OS::Heat::RandomString", "properties": {"length": 20}}},
    "outputs": {"word": {"value": {"get_attr": ["word", "value"]}}},
}


def done(stack, action):
    """Return whether the engine has completed an action; raise if it failed."""
    status = stack["stack"]["stack_status"]
    if status.endswith("_FAILED"):
        raise ks_api.Failed("the stack is %s: %s" % (status, stack["stack"]["stack_status_reason"]))
    return status == action + "_COMPLETE"


def main():
    heat = service_api.Service()
    stacks = "/v1/%s/stacks" % heat.project
    # The API asks the engine, which may not listen yet: it has no port, so it counts as ready at once.
    ks_api.patiently(lambda: heat.call("GET", stacks), seconds=120)
    # Of its own: a stack that an earlier test left must not fail this one.
    name = "test-%s" % uuid.uuid4()
    identity = heat.call("POST", stacks, {"stack_name": name, "template": TEMPLATE})["stack"]["id"]
    place = "%s/%s/%s" % (stacks, name, identity)
    stack = heat.wait(place, lambda found: done(found, "CREATE"))["stack"]
    word = stack["outputs"][0]["output_value"]
    if len(word) != 20:
        raise ks_api.Failed("the stack's output is %r, expected 20 characters" % word)
    print("the engine created the stack, and the API shows it")
    heat.call("DELETE", place)
    heat.wait(stacks, lambda found: all(each["id"] != identity for each in found["stacks"]))
    print("the engine deleted the stack")


if __name__ == "__main__":
    ks_api.run(main)

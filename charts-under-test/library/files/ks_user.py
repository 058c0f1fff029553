"""Create the service's user in Keystone, with its role in its project. Idempotent."""

import ks_api


def ensure_password(keystone, user, username, password, project):
    """Set the password if login fails: an existing user may have another password."""
    try:
        ks_api.token(username, password, project)
    except ks_api.Failed as problem:
        if problem.status != 401:
            raise
        keystone.call("PATCH", "/users/%s" % user["id"], {"user": {"password": password}})
        print("user %s: password set" % username)


def main():
    keystone = ks_api.Keystone()
    username, password = ks_api.variable("SERVICE_USERNAME"), ks_api.variable("SERVICE_PASSWORD")
    project_name = ks_api.variable("SERVICE_PROJECT")
    domain = keystone.find("domain", name=ks_api.variable("OS_DOMAIN_NAME"))
    if domain is None:
        raise ks_api.Failed("domain %s does not exist" % ks_api.variable("OS_DOMAIN_NAME"))
    project = keystone.found_or_created("project", {"name": project_name, "domain_id": domain["id"]})
    user = keystone.found_or_created("user", {"name": username, "domain_id": domain["id"]}, password=password)
    role = keystone.found_or_created("role", {"name": ks_api.variable("SERVICE_ROLE")})
    keystone.call("PUT", "/projects/%s/users/%s/roles/%s" % (project["id"], user["id"], role["id"]))
    print("role %s in project %s: assigned to %s" % (role["name"], project["name"], user["name"]))
    ensure_password(keystone, user, username, password, project_name)


if __name__ == "__main__":
    ks_api.run(main)

"""The review page: a person decides what the policy leaves to one."""

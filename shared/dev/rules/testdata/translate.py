"""Prints template.yaml as CloudFormation gets it: translated by SAM, as JSON.

The arguments are the template and its parameters, as Name=value.
No account and no network: a managed policy's name becomes the ARN that AWS gives it.
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


class Policies:
    """Stands where SAM asks IAM for the managed policies of the account."""

    def load(self):
        return {
            name: "arn:aws:iam::aws:policy/" + path
            for name, path in {
                "AWSLambdaBasicExecutionRole": "service-role/AWSLambdaBasicExecutionRole",
                "AWSLambdaSQSQueueExecutionRole": "service-role/AWSLambdaSQSQueueExecutionRole",
                "AWSXrayWriteOnlyAccess": "AWSXrayWriteOnlyAccess",
                "AWSXRayDaemonWriteAccess": "AWSXRayDaemonWriteAccess",
            }.items()
        }


with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())

parameters = dict(argument.split("=", 1) for argument in sys.argv[2:])

# What `sam package` puts in place of each folder.
for name, resource in template["Resources"].items():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bundle/" + name

json.dump(transform(template, parameters, Policies()), sys.stdout, indent=1, sort_keys=True)

#!/usr/bin/env bash
# Release a version: build the image, push it to ECR, and print its digest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
version=${1:?usage: release.sh VERSION}
repository=team/site

uri_of_repository() {
  aws ecr describe-repositories --repository-names "$repository" \
    --query 'repositories[0].repositoryUri' --output text
}

if ! uri_of_repository >/dev/null 2>&1; then
  aws ecr create-repository --repository-name "$repository" --image-tag-mutability IMMUTABLE
fi
uri=$(uri_of_repository)

aws ecr get-login-password | docker login --username AWS --password-stdin "${uri%%/*}"
docker build ${BASE:+--build-arg BASE="$BASE"} --tag "$uri:$version" .
docker push "$uri:$version"

aws ecr describe-images --repository-name "$repository" --image-ids imageTag="$version" \
  --query 'imageDetails[0].imageDigest' --output text

# Start a server, create a repository, push an image to it, and pull the image by digest.
#
# To be run in a directory in which `context` has a Dockerfile, with AWS_ACCESS_KEY_ID,
# AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION set to anything. Writes the image's URI and digest.
set -euo pipefail

exec 3< <(exec moto_ecr_server --port 0 2>&1)
server=$!
trap 'kill "$server"; wait "$server" || true' EXIT

# Once it accepts connections, the server says how to log in.
login=
until [[ $login == *"docker login"* ]]; do
  IFS= read -r login <&3
done
cat <&3 >server.log &

eval "$login" >&2
export AWS_ENDPOINT_URL=http://${login##* }

uri=$(aws ecr create-repository --repository-name team/app \
  --query repository.repositoryUri --output text)

docker build --tag "$uri:1.0" context >&2
docker push "$uri:1.0" >&2

digest=$(aws ecr describe-images --repository-name team/app --image-ids imageTag=1.0 \
  --query 'imageDetails[0].imageDigest' --output text)

docker rmi "$uri:1.0" >&2
docker pull "$uri@$digest" >&2

echo "$uri $digest"

# SPDX-License-Identifier: Apache-2.0
# Made by scripts/completions/generate from --help: change the option table, then run it.

_toyimg() {
  local word=${COMP_WORDS[COMP_CWORD]} verb= one choices=
  for one in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $one in
      build | pull | push | copy | save | load | tag | import | export | commit | convert | manifest | sync | unpack | images | inspect | history | diff | user | archive | extract | rmi | prune | fsck | verify | info | login | logout | tags | catalog | referrers | delete | unshare) verb=$one; break ;;
    esac
  done
  case $verb in
    build) choices="--file --tag --output --build-arg --build-arg-file --build-context --target --platform --pull --push --load --rm --force-rm --layers --provenance --sbom --no-cache --no-cache-filter --explain-cache --cache-from --cache-to --network --add-host --secret --ssh --label --annotation --iidfile --metadata-file --squash --compression --ignorefile --runtime --check --dry-run --verify-reproducible --quiet --progress --tls-verify --cert-dir --retry --creds --authfile --help -f -t -o -q -h" ;;
    pull) choices="--tls-verify --cert-dir --retry --creds --authfile --overlay --no-setuid --no-devices --max-entries --max-size --max-ratio --max-name --max-depth --max-header --report --output --platform --explain --trace --quiet --progress --help -o -q -h" ;;
    push) choices="--tls-verify --cert-dir --retry --creds --authfile --all --foreign --chunk-size --digestfile --quiet --progress --help -q -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    copy) choices="--tls-verify --cert-dir --retry --creds --authfile --all --platform --quiet --progress --src-creds --dest-creds --src-tls-verify --dest-tls-verify --multi-arch --digestfile --sparse --preserve-digests --compression --help -a -q -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    save) choices="--output --format --all --platform --quiet --progress --help -o -a -q -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    load) choices="--input --name --all --platform --quiet --progress --help -i -a -q -h" ;;
    tag) choices="--help -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    import) choices="--change --message --platform --compression --help -c -m -h" ;;
    export) choices="--output --compression --help -o -h" ;;
    commit) choices="--base --change --message --author --compression --help -c -m -a -h" ;;
    convert) choices="--compression --all --platform --quiet --progress --help -a -q -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    manifest) choices="--tls-verify --cert-dir --retry --creds --authfile --all --platform --quiet --progress --os --arch --variant --os-version --annotation --help -a -q -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    sync) choices="--tls-verify --cert-dir --retry --creds --authfile --all --platform --quiet --progress --dest-creds --scoped --keep-going --dry-run --help -a -q -h" ;;
    unpack) choices="--overlay --no-setuid --no-devices --max-entries --max-size --max-ratio --max-name --max-depth --max-header --report --output --user --quiet --progress --help -o -q -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    images) choices="--quiet --all --digests --no-trunc --filter --format --help -q -a -f -h" ;;
    inspect) choices="--tls-verify --cert-dir --retry --creds --authfile --raw --config --format --platform --help -f -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    history) choices="--tls-verify --cert-dir --retry --creds --authfile --format --no-trunc --platform --help -f -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    diff) choices="--tls-verify --cert-dir --retry --creds --authfile --format --config-only --help -f -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    user) choices="--help -h" ;;
    archive) choices="--name --type --help -h" ;;
    extract) choices="--help -h" ;;
    rmi) choices="--force --help -f -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    prune) choices="--force --build-cache --help -f -h" ;;
    fsck) choices="--quiet --help -q -h" ;;
    verify) choices="--format --help -f -h" ;;
    info) choices="--format --help -f -h" ;;
    login) choices="--tls-verify --cert-dir --retry --username --password-stdin --get-login --authfile --help -u -h" ;;
    logout) choices="--authfile --help -h" ;;
    tags) choices="--tls-verify --cert-dir --retry --creds --authfile --help -h" ;;
    catalog) choices="--tls-verify --cert-dir --retry --creds --authfile --help -h" ;;
    referrers) choices="--tls-verify --cert-dir --retry --creds --authfile --artifact-type --format --help -f -h" ;;
    delete) choices="--tls-verify --cert-dir --retry --creds --authfile --all-tags --help -h" ;;
    unshare) choices="--help -h" ;;
    *) choices="--store --single-id --debug --help --version -h -v build pull push copy save load tag import export commit convert manifest sync unpack images inspect history diff user archive extract rmi prune fsck verify info login logout tags catalog referrers delete unshare" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}
complete -o default -F _toyimg toyimg

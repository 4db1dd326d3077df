"""What web processes share: pages for people, without a service's rules. The page is docs/helpcenter.md."""

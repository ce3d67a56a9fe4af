"""The use cases of each practice of `service.care`: each loads records, asks the practice's rules, and stages their decision."""

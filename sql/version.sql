SELECT VERSION(), @@version_comment
